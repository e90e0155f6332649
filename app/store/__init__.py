"""SQL only: functions take and return values, never rows."""
