"""Sweeps: networks trained, converted and measured on one emulated board, and the page that shows them."""
