"""Runs the handlers of an installation in processes of their own: started, fed, stopped and replaced here."""
