"""Plugins of somebody else; `sockets` names one for each socket, and `faults` a faulty one."""
