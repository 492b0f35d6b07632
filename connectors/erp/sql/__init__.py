"""Any ERP whose database can be read: views with the columns of the file drop."""
