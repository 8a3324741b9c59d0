"""Runs to bundles: TFLite conversion, its gate, and the generated C engine."""
