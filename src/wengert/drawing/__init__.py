"""Drawing a graph of boxes and arrows as SVG; it knows nothing of derivatives."""
