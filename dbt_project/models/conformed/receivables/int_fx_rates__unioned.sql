{{ union_connectors('fx_rates') }}
