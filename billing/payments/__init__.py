"""Recharges: what they cost, orders, the gateways that collect, and what follows a payment."""
