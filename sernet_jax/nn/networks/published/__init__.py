"""Networks of other papers, a module each, which the table names."""
