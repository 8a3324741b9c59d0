"""Bundles to boards: firmware build, emulator, serial link, validation, reports."""
