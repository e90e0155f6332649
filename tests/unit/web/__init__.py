"""Tests of single modules of app/web."""
