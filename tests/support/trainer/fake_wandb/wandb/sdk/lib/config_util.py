"""Part of the fake."""


class ConfigError(Exception):
    """Error for settings that cannot be changed."""
