select verdict, gain, gain_low, gain_high, judged_days
from ml.cji_predictions
where phase_model = $phase_model
