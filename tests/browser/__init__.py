"""What a person sees in Chromium. A package, so that its browser closes with its last test in a process:
while Playwright is open its event loop runs, and the asynchronous tests elsewhere need one of their own."""
