"""Every setting of the service in one frozen value: checked, limited, and refused where it would be unsafe."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Final
from urllib.parse import urlsplit

from pydantic import BeforeValidator, Field, SecretStr, ValidationError, field_validator, model_validator
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

from mien.core.errors import InputError
from mien.inference.expression.model import LabelSet
from mien.inference.faces.detector import DEFAULT_DETECTOR
from mien.inference.runtime.bundled import DEFAULT_MODEL
from mien.inference.runtime.session import MAX_THREADS

PREFIX: Final = "MIEN_"
"""Of the variables of the environment: `MIEN_PORT` sets `port`."""

MIN_TOKEN_LENGTH: Final = 16

MIB: Final = 2**20

_TOKEN: Final = re.compile(r"[A-Za-z0-9._~+-]+")
"""What a token is made of: a browser has to be able to send it as the name of a WebSocket's subprotocol."""

_MAKE_TOKEN: Final = """python -c 'import secrets; print(secrets.token_urlsafe(32))'"""


def _split(value: Any) -> Any:
    """Take a list in a variable of the environment apart at its commas."""
    return tuple(part.strip() for part in value.split(",") if part.strip()) if isinstance(value, str) else value


Names = Annotated[tuple[str, ...], NoDecode, BeforeValidator(_split)]
"""Several words; in a variable of the environment they stand between commas."""


class ServiceSettings(BaseSettings):
    """Where the service listens, who may ask it, what it runs, and how much it takes.

    Each field is also read from the environment, by its name in capitals behind `MIEN_`; what is passed goes first.

    Attributes:
        host: Address to listen on. Anything but this machine's own asks for a `token`.
        port: 0 takes any free one.
        token: What a client has to send as `Authorization: Bearer ...`; at least 16 letters, digits or `-._~+`.
        token_file: A file that holds the token, and nothing else.
        workers: Processes. Each opens the models, and has the limits below for itself.
        model: Name or path of the model that tells expressions.
        labels: Which of its heads answers.
        detector: Name or path of the model that finds faces.
        threads: Processor threads for one call of a model; 1 unless given, as each reader is a thread.
        readers: Threads that read pictures; as many as there are processors at hand unless given.
        max_body_bytes: Of one request with pictures.
        max_picture_bytes: Of one picture in it, as it was sent.
        max_pixels: Of one picture, before it is decoded.
        max_files: Pictures in one request; no more than `max_waiting`.
        max_video_bytes: Of one video.
        max_video_s: Seconds of a video that are read.
        max_video_frames: Frames of a video that are read.
        max_video_pixels: Of one frame of a video.
        max_video_memory_bytes: For decoding one video, in a process of its own.
        max_video_work_s: How long the reading of one video may take; frames that are passed over take time, too.
        max_videos: Videos that are read at once; beyond them a client is told to come back.
        max_waiting: Pictures that are accepted and not answered; beyond them a client is told to come back.
        max_held_bytes: Of all bodies, as they were sent, that are held in memory at once; beyond them likewise.
        body_timeout_s: How long a body may take, and a second more for each 64 KiB that have come.
        max_connections: Open at once; beyond them the server answers 503 on its own.
        max_live: Live connections at once.
        live_idle_s: A live connection without a frame for so long is closed.
        live_slow_s: Likewise one whose client doesn't read, and the answer to a video that nobody takes.
        live_max_frame_bytes: Of one live frame.
        drain_s: How long accepted work may take once the service is told to stop.
        cors_origins: Pages of other sites that may ask, such as `https://example.org`.
        allowed_hosts: Names under which the service is reached, besides `host`, this machine's own, and addresses.
        browser_runtime: Folder of onnxruntime-web; None for its usual place.

    Raises:
        ValidationError: If a value is of a wrong type or out of its range, or the service would be open to others
            without a token. `load_settings` says it in our own words.
    """

    model_config = SettingsConfigDict(
        env_prefix=PREFIX, frozen=True, extra="forbid", hide_input_in_errors=True, allow_inf_nan=False
    )

    host: str = Field("127.0.0.1", min_length=1)
    port: int = Field(8000, ge=0, le=65535)
    token: SecretStr | None = None
    token_file: Path | None = None
    workers: int = Field(1, ge=1, le=64)
    model: str = DEFAULT_MODEL
    labels: LabelSet = "fer2013"
    detector: str = DEFAULT_DETECTOR
    threads: int | None = Field(None, ge=1, le=MAX_THREADS)
    readers: int | None = Field(None, ge=1, le=MAX_THREADS)
    max_body_bytes: int = Field(32 * MIB, ge=1024)
    max_picture_bytes: int = Field(16 * MIB, ge=1024)
    max_pixels: int = Field(50_000_000, ge=4096)
    max_files: int = Field(32, ge=1, le=1000)
    max_video_bytes: int = Field(64 * MIB, ge=1024)
    max_video_s: float = Field(120.0, gt=0)
    max_video_frames: int = Field(3600, ge=1)
    max_video_pixels: int = Field(10_000_000, ge=4096)
    max_video_memory_bytes: int = Field(512 * MIB, ge=64 * MIB)
    max_video_work_s: float = Field(120.0, gt=0)
    max_videos: int = Field(2, ge=1, le=64)
    max_waiting: int = Field(64, ge=1)
    max_held_bytes: int = Field(256 * MIB, ge=1024)
    body_timeout_s: float = Field(30.0, gt=0)
    max_connections: int = Field(1000, ge=1)
    max_live: int = Field(16, ge=0)
    live_idle_s: float = Field(30.0, gt=0)
    live_slow_s: float = Field(10.0, gt=0)
    live_max_frame_bytes: int = Field(2 * MIB, ge=1024)
    drain_s: float = Field(20.0, ge=0)
    cors_origins: Names = ()
    allowed_hosts: Names = ()
    browser_runtime: Path | None = None

    @property
    def is_local(self) -> bool:
        """Whether only programs on this machine can reach the service."""
        return is_loopback(self.host)

    def to_environment(self) -> dict[str, str]:
        """Return the variables from which another process reads these same settings; a token's file stays a file."""
        values = {name: getattr(self, name) for name in type(self).model_fields}
        if self.token_file is not None:
            del values["token"]
        return {f"{PREFIX}{name.upper()}": _to_text(value) for name, value in values.items() if value is not None}

    @model_validator(mode="before")
    @classmethod
    def _read_token(cls, values: dict[str, Any]) -> dict[str, Any]:
        file = values.get("token_file")
        if not file:
            return {name: value for name, value in values.items() if name != "token_file"}
        if values.get("token"):
            raise ValueError(f"{PREFIX}TOKEN and a file with a token are both given; leave one out")
        try:
            token = Path(file).read_text("ascii").strip()
        except (OSError, ValueError) as error:
            reason = getattr(error, "strerror", None) or "it holds more than letters, digits and -._~+"
            raise ValueError(f"the token's file {file} can't be read: {reason}") from None
        if not token:
            raise ValueError(f"the token's file {file} is empty. Make a token: {_MAKE_TOKEN}")
        if wrong := _find_weakness(token):
            raise ValueError(f"the token's file {file} holds no token: {wrong}")
        return {**values, "token": token}

    @field_validator("token")
    @classmethod
    def _token_is_strong(cls, token: SecretStr | None) -> SecretStr | None:
        text = None if token is None else token.get_secret_value()
        if not text:
            return None
        if wrong := _find_weakness(text):
            raise ValueError(wrong)
        return token

    @field_validator("cors_origins")
    @classmethod
    def _origins_are_origins(cls, origins: tuple[str, ...]) -> tuple[str, ...]:
        for origin in origins:
            parts = urlsplit(origin)
            if (
                parts.scheme not in ("http", "https")
                or not parts.hostname
                or origin != f"{parts.scheme}://{parts.netloc}"
            ):
                raise ValueError(
                    f"an origin is http:// or https://, a name, and a port if it has one, got {origin!r}. "
                    "Name each site, such as https://example.org; there is no word for all of them"
                )
        return tuple(origin.lower() for origin in origins)

    @field_validator("allowed_hosts")
    @classmethod
    def _hosts_are_names(cls, hosts: tuple[str, ...]) -> tuple[str, ...]:
        for host in hosts:
            if not re.fullmatch(r"[A-Za-z0-9._-]+", host):
                raise ValueError(f"a host is a name without scheme, port or path, such as example.org, got {host!r}")
        return tuple(host.lower() for host in hosts)

    @model_validator(mode="after")
    def _is_safe(self) -> ServiceSettings:
        if self.token is None and not self.is_local:
            raise ValueError(
                f"others could reach the service on {self.host}, so it needs a token: set {PREFIX}TOKEN to at least "
                f"{MIN_TOKEN_LENGTH} characters, or {PREFIX}TOKEN_FILE to a file that holds them. "
                f"Make one: {_MAKE_TOKEN}"
            )
        if self.max_picture_bytes > self.max_body_bytes:
            raise ValueError(
                f"max_picture_bytes is at most max_body_bytes, got {self.max_picture_bytes} > {self.max_body_bytes}"
            )
        if self.max_files > self.max_waiting:
            raise ValueError(
                f"max_files is at most max_waiting, got {self.max_files} > {self.max_waiting}: there would never be "
                "room for so many. Raise max_waiting, or lower max_files"
            )
        if self.max_live > self.max_connections:
            raise ValueError(
                f"max_live is at most max_connections, got {self.max_live} > {self.max_connections}: each live "
                "connection is one of them"
            )
        largest = max(self.max_body_bytes, self.max_video_bytes)
        if self.max_held_bytes < largest:
            raise ValueError(f"max_held_bytes holds at least one body, {largest}, got {self.max_held_bytes}")
        return self


def load_settings(values: Mapping[str, Any] | None = None) -> ServiceSettings:
    """Read the settings from what is given and, for the rest, from the environment.

    Args:
        values: By a setting's name its value; None means not given.

    Raises:
        InputError: If a setting can't be used; names its variable and, but for a token, the value.
    """
    given = {name: value for name, value in (values or {}).items() if value is not None}
    try:
        return ServiceSettings(**given)
    except ValidationError as error:
        raise InputError("; ".join(_explain(problem) for problem in error.errors(include_input=True))) from None


def is_loopback(host: str) -> bool:
    """Return whether an address or name means this machine alone."""
    try:
        return ipaddress.ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return host.lower() == "localhost"


def _find_weakness(token: str) -> str | None:
    """Say why a token can't be one; None if it can."""
    if len(token) < MIN_TOKEN_LENGTH:
        return f"a token has at least {MIN_TOKEN_LENGTH} characters, got {len(token)}. Make one: {_MAKE_TOKEN}"
    if not _TOKEN.fullmatch(token):
        return f"a token is made of letters, digits and -._~+ alone. Make one: {_MAKE_TOKEN}"
    return None


def _explain(problem: Mapping[str, Any]) -> str:
    message = str(problem["msg"]).removeprefix("Value error, ")
    if not problem["loc"]:
        return f"{message}."
    name = str(problem["loc"][0])
    variable = f"{PREFIX}{name.upper()}"
    if problem["type"] == "value_error" or name == "token":
        return f"{variable}: {message}."
    return f"{variable}: {message[:1].lower()}{message[1:]}, got {problem['input']!r}."


def _to_text(value: Any) -> str:
    if isinstance(value, SecretStr):
        return value.get_secret_value()
    return ",".join(value) if isinstance(value, tuple) else str(value)
