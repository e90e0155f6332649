"""HTTP and websockets: views that read, call one action, and answer."""
