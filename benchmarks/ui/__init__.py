"""What the page does with its time in Chromium: frames, tasks, first pictures, memory."""
