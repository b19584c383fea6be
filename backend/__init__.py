"""The one door to everything an operator can do."""

from backend.local import LocalBackend, operator_name
from backend.protocol import Backend, CreatedRun, Upserted

__all__ = ["Backend", "CreatedRun", "LocalBackend", "Upserted", "operator_name"]
