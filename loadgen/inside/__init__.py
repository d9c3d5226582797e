"""What runs in the load pods, under Locust's own command; the only code here that may import locust.

`opened` and `closed` are Locust files; `meter` books every request of the user's Locust file; the rest is pure.
"""
