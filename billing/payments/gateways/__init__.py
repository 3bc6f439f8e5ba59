"""The payment gateways: each begins a payment, reads its notices, and can be asked."""
