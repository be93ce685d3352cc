"""Translates tables of any length, on one machine or on a Ray cluster."""

from .job import BulkJob, BulkReport, Partition

__all__ = ["BulkJob", "BulkReport", "Partition"]
