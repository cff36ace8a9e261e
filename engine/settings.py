"""Settings of the service, read once from the environment (`GALLERY_…`)."""

from __future__ import annotations

import os
from functools import cache
from pathlib import Path
from typing import Literal

from pydantic import Field, SecretStr
from pydantic_settings import BaseSettings, SettingsConfigDict

from engine import ROOT


class Settings(BaseSettings):
    """All settings; README's table lists them and a test compares the two."""

    model_config = SettingsConfigDict(env_prefix="GALLERY_", frozen=True, extra="ignore")

    data_dir: Path | None = Field(
        None, description="Folder looked in before downloading (read-only)."
    )
    cache_dir: Path = Field(ROOT / "cache", description="Downloads and converted arrays.")
    pictures_dir: Path | None = Field(
        None,
        description="Folder of picture folders: cats-dogs and fruit, in each a folder per class "
        "(or train and test with those inside).",
    )
    runs_dir: str = Field(
        str(ROOT / "runs"), description="Folder or fsspec URL for the files of runs."
    )
    runs_database: str = Field(
        "", description="SQLAlchemy URL of the run index; empty: a SQLite file in the runs folder."
    )
    secret: SecretStr | None = Field(
        None,
        description="Key that signs owner cookies; empty: made once and kept in the runs folder.",
    )
    device: Literal["auto", "cpu", "cuda"] = Field("auto", description="Where jobs train.")
    slots: int = Field(
        os.cpu_count() or 1, ge=1, le=1024, description="Jobs that run at the same time."
    )
    queue: int = Field(50, ge=0, le=100_000, description="Jobs that may wait; more are refused.")
    deadline: float = Field(600.0, gt=0, description="Seconds a job may run.")
    memory: int = Field(2048, ge=64, description="MB a job may allocate.")
    threads: int = Field(1, ge=1, le=256, description="Torch threads of a job.")
    owner_grace: float = Field(
        30.0, ge=0, description="Seconds a job goes on after its visitor has left."
    )
    jobs_per_minute: int = Field(300, ge=1, description="Jobs one address may start in a minute.")
    worker_jobs: int = Field(
        0, ge=0, description="Jobs a worker serves before it is replaced; 0: 1 on CPU, 50 on CUDA."
    )
    inference_workers: int = Field(
        1, ge=1, le=64, description="Warm workers that answer predictions."
    )
    inference_timeout: float = Field(20.0, gt=0, description="Seconds one prediction may take.")
    unsaved_hours: float = Field(6.0, gt=0, description="Hours an unsaved run is kept.")
    shared_days: float = Field(90.0, gt=0, description="Days a shared run is kept.")
    runs_per_owner: int = Field(100, ge=1, description="Runs kept for one visitor.")
    bytes_per_owner: int = Field(200, ge=1, description="MB of runs kept for one visitor.")
    bytes_total: int = Field(5000, ge=1, description="MB of runs kept in all.")
    reports_to_hide: int = Field(3, ge=1, description="Reports after which a shared run is hidden.")
    frame_ancestors: str = Field(
        "'self'", description="Who may embed the pages (CSP frame-ancestors)."
    )
    metrics: bool = Field(False, description="Serve Prometheus figures at /metrics.")
    trust_proxy: bool = Field(
        False, description="Take the visitor's address from X-Forwarded-For (behind a proxy only)."
    )
    extra_topics: Path | None = Field(None, description="One more folder of topics.")


@cache
def settings() -> Settings:
    """The settings of this process."""
    return Settings()
