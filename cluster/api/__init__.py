"""The API server: the store's only user. Authentication, authorization, admission, verbs, watches, patches, Tables.

One resource table a file in `resources/`; one Table printer a file in `tables/`. Pure functions over objects; the
edges are `server` (HTTPS) and `local` (the in-process client).
"""
