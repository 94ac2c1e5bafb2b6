"""Figures for print, written observations, and one self-contained HTML file."""
