"""What the doors of app/web do by themselves."""
