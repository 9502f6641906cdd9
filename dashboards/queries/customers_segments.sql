-- One row per segment, the undecided last.
select segment, persons, share, price_share, brand_share, other_share, customers,
    value_eur, value_eur_low, value_eur_high, orders, orders_low, orders_high, reorder, reorder_low, reorder_high, verdict
from marts.rpt_customer_segments
order by list_position(['brand_loyal', 'price_sensitive', 'neutral', 'undecided'], segment)
