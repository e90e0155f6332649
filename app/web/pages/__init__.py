"""The pages: HTML, whole without JavaScript."""
