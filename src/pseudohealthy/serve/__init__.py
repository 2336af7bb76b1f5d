"""The local app: a scan is dropped into a browser, and looked at there. Needs the extra [serve]."""
