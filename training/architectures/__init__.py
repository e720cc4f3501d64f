"""The networks, as Keras builds them."""
