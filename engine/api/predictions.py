"""Predictions by a shipped checkpoint or by a finished run."""

from __future__ import annotations

import json
import math
import re
import threading
from typing import Annotated, Any

from fastapi import APIRouter
from pydantic import AfterValidator, BaseModel, ConfigDict, Field, FiniteFloat, JsonValue, ValidationError
from pydantic_core import PydanticCustomError
from starlette.concurrency import run_in_threadpool
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from engine import ROOT, service, topics
from engine.api.owner import Asker
from engine.api.results import finished, weights
from engine.api.security import BodyLimit
from engine.errors import GalleryError, InvalidValue, NotFound, Rejected
from engine.events import dumps
from engine.words import _

router = APIRouter()

CHECKPOINTS = ROOT / "checkpoints"
RUN_ID = re.compile(r"[0-9a-f]{32}")

WAITING_LIMIT = 8
"""Predictions that may wait at the same time: each holds a thread that pages need too."""

_places = threading.BoundedSemaphore(WAITING_LIMIT)
