select x, y_fitted, y_low, y_high
from ml.weather_curves
where category = $category and region = $region and variable = $variable and lag_days = $lag_days
order by x
