"""Pages of one's own account: setting up, signing in and out, password, sessions."""
