"""What carries packets: namespaces and links, Services by nftables, NetworkPolicies, DNS.

Rules and names are worked out purely from API objects (`services`, `policies`, `zone`, on the values of `facts`); the
edges are `links` (netlink), `nft` (libnftables) and `dns` (sockets). `proxy`, `policing` and `dns` follow the API.
"""
