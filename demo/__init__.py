"""The simulated hospital network: systems that speak real HTTP and drop real files, with faults planted in
them.

It is configured for the application like any other site, by the files in `demo/catalog`. It must not import
anything of the application, and the application nothing of it: the two meet over loopback HTTP and a folder.
"""
