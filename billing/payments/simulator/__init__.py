"""Payment gateways for trying and testing: they speak the protocols, and take no money."""
