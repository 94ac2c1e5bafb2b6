"""Live pictures over a WebSocket: frames come in, who shows which expression goes out."""
