-- Visits, contacts and days of journeys with and without an order: one category, or all of them.
select
    category, measure, buyer_journeys, non_buyer_journeys,
    buyer_mean, buyer_mean_low, buyer_mean_high,
    non_buyer_mean, non_buyer_mean_low, non_buyer_mean_high,
    difference, difference_low, difference_high,
    verdict
from marts.rpt_buyer_behaviour
where window_name = $window_name
order by category <> 'all', category, measure
