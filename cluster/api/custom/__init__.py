"""Custom resources: kinds that the API serves because a CustomResourceDefinition says so.

`schema` holds objects to their structural schema, `definitions` turns a definition into the kinds it defines. Nothing
here touches the store.
"""
