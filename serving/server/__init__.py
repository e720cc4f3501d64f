"""The embedded model server: TensorFlow Serving's own API, flags and files."""
