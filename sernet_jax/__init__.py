"""Speech emotion recognition in JAX: small, exact and honest."""

__version__ = '0.1.0'
