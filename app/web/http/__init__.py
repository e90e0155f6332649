"""What every view shares: who calls, limits, headers, answers, errors."""
