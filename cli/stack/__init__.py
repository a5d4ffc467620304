"""The processes of a development stack: started, watched, checked, stopped."""
