"""Tables of rows, one file a subject, named after the file of ``polynet/ops`` that it is about.  Rows only."""
