"""What lives as long as the process and joins the store with the live part."""
