"""Stock and items in the ERP and the warehouse, the list of recalls, and what can be wrong with them."""
