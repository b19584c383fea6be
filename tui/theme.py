"""Sluice's own two themes. The only place with colours: styles name theme variables."""

from __future__ import annotations

from textual.theme import Theme

DARK = Theme(
    name="sluice-dark",
    primary="#5ea3d8",
    secondary="#3f6f99",
    accent="#e0b062",
    warning="#e0a458",
    error="#e0707a",
    success="#7fbf8e",
    foreground="#d5dbe1",
    background="#12171c",
    surface="#182028",
    panel="#1f2933",
    dark=True,
    variables={
        "footer-key-foreground": "#e0b062",
        "text-primary": "#8cc2ec",
        "text-success": "#8ccb9c",
        "text-warning": "#eab56e",
        "text-error": "#f08088",
        "text-accent": "#e9bd74",
        "block-cursor-text-style": "none",
        "input-selection-background": "#5ea3d8 35%",
        "border-blurred": "#2b3844",
    },
)

LIGHT = Theme(
    name="sluice-light",
    primary="#1d6296",
    secondary="#5b89ad",
    accent="#8a5a00",
    warning="#9a5b00",
    error="#b3263a",
    success="#2a7a42",
    foreground="#1f2a33",
    background="#f7f6f2",
    surface="#eeece5",
    panel="#e3e0d7",
    dark=False,
    variables={
        "footer-key-foreground": "#8a5a00",
        "text-primary": "#1a5b8c",
        "text-success": "#226e3a",
        "text-warning": "#8f5200",
        "text-error": "#b01f35",
        "text-accent": "#7d5200",
        "block-cursor-text-style": "none",
        "input-selection-background": "#1d6296 25%",
        "border-blurred": "#cfcabd",
    },
)

THEMES = (DARK, LIGHT)
