"""The scoring service: judges and verifiers behind an HTTP address. `atlas-rewards serve` starts it."""
