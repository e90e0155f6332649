"""One hostile visitor beside honest clients: how much they notice."""
