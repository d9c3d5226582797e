"""What carries packets: namespaces and links, Services by nftables, NetworkPolicies, DNS.

Rule sets are rendered purely from API objects; the edges are `links` (netlink), `nft` (libnftables) and `dns` (UDP).
"""
