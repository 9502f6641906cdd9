select check_name, asset, status, severity, description
from meta.check_results
order by status = 'passed', severity, asset, check_name
