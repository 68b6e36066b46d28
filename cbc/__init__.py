"""Customer business capabilities: what the company is able to do, shown in numbers that open."""
