"""Monitoring a gateway: its health, its measurements for Prometheus, and its traces for OpenTelemetry."""
