"""What all values share: they become JSON, and describe themselves to pydantic. No I/O."""

from typing import Any

import msgspec

from aiotravis.errors import TravisError

__all__ = ["Value"]


def _text(value: object) -> str:
    """Return the text of what JSON does not have: an error, with its class unless it tells nothing, or a path."""
    told = isinstance(value, BaseException) and type(value) is not TravisError
    return f"{type(value).__name__}: {value}" if told else str(value)


class Value(msgspec.Struct, frozen=True, kw_only=True):
    """A value: frozen, compared by value, picklable. Models of pydantic can hold it, and FastAPI can return it."""

    def to_json(self) -> bytes:
        """Encode as JSON, with the keys that Travis uses; an error as a text."""
        return msgspec.json.encode(self, enc_hook=_text)

    def to_dict(self) -> dict[str, Any]:
        """Return the same as plain JSON values: dates as ISO 8601 strings, the configuration as a dictionary."""
        # Imported here, so that reading the text of logs does not pay for requests and responses.
        from aiotravis._http.json_text import decode_any

        plain: dict[str, Any] = decode_any(self.to_json())
        return plain

    @classmethod
    def __get_pydantic_core_schema__(cls, source: object, handler: Any) -> Any:
        # Only pydantic calls this: nothing of it is imported before.
        from aiotravis._http.pydantic_schemas import value_schema

        return value_schema(cls, cls.to_dict, handler)
