"""Tests against real servers, on loopback, each on a free port and stopped by its process id."""
