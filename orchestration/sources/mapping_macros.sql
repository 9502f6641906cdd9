-- Functions that mapping expressions may use, beside everything DuckDB has.

-- Value of a GA4 parameter, whatever type it was sent with: names and values are two lists of the same order.
create macro ga4_names(params) as (list_transform(params, lambda p: p.key));

create macro ga4_values(params) as (
    list_transform(params, lambda p: coalesce(
        p.value.string_value, p.value.int_value::varchar, p.value.double_value::varchar, p.value.float_value::varchar
    ))
);

create macro ga4_param(names, texts, name) as (texts[list_position(names, name)]);

-- Parameters that no column has, as a JSON object.
create macro ga4_rest(names, texts, known) as (
    '{' || nullif(array_to_string(list_filter(
        list_transform(names, lambda name, place: case
            when texts[place] is not null and not list_contains(known, name)
                then to_json(name)::varchar || ':' || to_json(texts[place])::varchar
        end),
        lambda pair: pair is not null
    ), ','), '') || '}'
);

create macro url_path(url) as (regexp_extract(url, '^(?:[a-zA-Z]+://[^/?#]*)?([^?#]*)', 1));

create macro url_param(url, name) as (
    case when contains(url, '?')
        then nullif(url_decode(replace(regexp_extract(url, '[?&]' || name || '=([^&#]*)', 1), '+', ' ')), '')
    end
);

create macro html_text(html) as (
    trim(regexp_replace(
        replace(replace(replace(replace(replace(replace(
            regexp_replace(regexp_replace(html, '<(br|/p)[^>]*>', ' ', 'gi'), '<[^>]*>', '', 'g'),
            '&lt;', '<'), '&gt;', '>'), '&quot;', '"'), '&#39;', ''''), '&nbsp;', ' '), '&amp;', '&'),
        '\s+', ' ', 'g'
    ))
);

-- GA4 writes these where nothing was given.
create macro ga4_given(x) as (
    case when x not in ('(direct)', '(none)', '(not set)', '(not provided)') then x end
);

-- Page types of web shops by the words in the path of their addresses, German and English. `deep` is the first word
-- that says more than the first folder does, `folder` is that folder; override page_type where your shop differs.
-- A language may stand before it; not any two letters do, /lp/ is a landing page.
create macro shop_page_folder(path) as (
    regexp_extract(
        lower(path), '^/(?:(?:de|at|ch|en|uk|us|fr|it|es|pt|nl|be|pl|cs|da|sv|fi|no)(?:-[a-z]{2})?(?:/|$))?([^/.]*)', 1
    )
);

create macro shop_page_deep(path) as (
    regexp_extract(
        lower(path),
        '/(bewertungen|reviews?|confirmation|danke|thank-?you|order-received|bestellbestaetigung|returns?|retouren?'
        || '|ruecksendung|orders?|bestellungen|tracking|sendungsverfolgung)(?:/|$)', 1
    )
);

create macro shop_page_type(folder, deep) as (
    case
        when folder is null then null
        when deep in ('bewertungen', 'review', 'reviews') then 'review'
        when deep in ('confirmation', 'danke', 'thankyou', 'thank-you', 'order-received', 'bestellbestaetigung')
            then 'confirmation'
        when deep in ('return', 'returns', 'retoure', 'retouren', 'ruecksendung') then 'returns'
        when deep <> '' then 'order_status'
        when folder in ('p', 'product', 'products', 'produkt', 'produkte', 'artikel', 'dp', 'item') then 'product'
        when folder in ('c', 'category', 'categories', 'kategorie', 'kategorien', 'collection', 'collections') then 'list'
        when folder in ('', 'index', 'home') then 'home'
        when folder in ('search', 'suche') then 'search'
        when folder in ('cart', 'basket', 'warenkorb') then 'basket'
        when folder in ('checkout', 'kasse') then 'checkout'
        when folder in ('account', 'konto', 'login', 'mein-konto', 'my-account') then 'account'
        when folder in ('compare', 'vergleich') then 'compare'
        when folder in ('wishlist', 'merkliste', 'wunschliste') then 'wishlist'
        when folder in ('store', 'stores', 'filiale', 'filialen', 'store-locator', 'maerkte') then 'store_locator'
        when folder = 'chat' then 'chat'
        when folder in ('lp', 'landing', 'aktion', 'promo') then 'landing'
        when folder in ('magazin', 'magazine', 'blog', 'ratgeber', 'content') then 'content'
        when folder in ('fehler', 'error', '404', '500') then 'error'
        else 'other'
    end
);

create macro browser_class(browser) as (
    case
        when nullif(browser, '') is null then 'unknown'
        when regexp_matches(
            lower(browser), 'bot|crawl|spider|slurp|headless|phantom|lighthouse|curl|wget|python|java/|monitor|preview'
        ) then 'bot'
        else 'human'
    end
);

create macro country_code(country) as (
    case country
        when 'Germany' then 'DE' when 'Deutschland' then 'DE' when 'Austria' then 'AT' when 'Österreich' then 'AT'
        when 'Switzerland' then 'CH' when 'Schweiz' then 'CH' when 'Liechtenstein' then 'LI' when 'Luxembourg' then 'LU'
        when 'France' then 'FR' when 'Netherlands' then 'NL' when 'Belgium' then 'BE' when 'Italy' then 'IT'
        when 'Poland' then 'PL' when 'Czechia' then 'CZ' when 'Denmark' then 'DK' when 'United Kingdom' then 'GB'
        when 'United States' then 'US' else country
    end
);

-- The advertiser's click id in an address, its kind before it: the kind says which channel paid for the click.
create macro url_click_id(url) as (
    nullif(regexp_replace(
        regexp_extract(url, '[?&](?:gclid|wbraid|gbraid|dclid|msclkid|fbclid|igshid|ttclid|twclid)=[^&#]+'),
        '^[?&](\w+)=', '\1:'
    ), '')
);

-- Parts of a line of the Apache and nginx "combined" log format, '' where the line has another form. A virtual host
-- before it (vhost_combined) and fields after it are allowed.
create macro combined_log(line) as (
    regexp_extract(
        line,
        '^(?:[^ ]+:\d+ )?([0-9a-fA-F.:]+|[\w.-]+) [^ ]+ .*?\[([^\]]+)\] "((?:[^"\\]|\\.)*)" (\d{3}) (\d+|-)'
        || ' "((?:[^"\\]|\\.)*)" "((?:[^"\\]|\\.)*)"(?: .*)?$',
        ['client', 'time', 'request', 'status', 'bytes', 'referrer', 'agent']
    )
);

-- Programs by what they call themselves: no name of a browser (they all begin with Mozilla or Opera, for old times'
-- sake), a word that no browser has in its name, or an address to write to. Libraries hold thousands of names but need
-- a call per agent outside SQL, and nearly all of those names are caught by this.
create macro agent_class(agent) as (
    case
        when agent is null then 'unknown'
        when not regexp_matches(agent, '^(Mozilla|Opera)/') then 'bot'
        -- Today only programs say what they are compatible with; Internet Explorer did, too.
        when contains(agent, 'compatible') and not contains(agent, 'MSIE') then 'bot'
        when regexp_matches(
            lower(agent),
            'bot\b|bot[/_ -]|robot|crawl|spider|slurp|fetch|scrap[ey]|archiver|index(er|ing)|checker|monitor|uptime'
            || '|insight|inspect|preview|validator|lighthouse|headless|phantom|selenium|playwright|puppeteer'
            || '|externalhit|google-|googleother|mediapartners|rss|feed|proxy|-agent|curl|wget|python|perl|ruby|java/'
            || '|gpt|claude|scan|synthetic'
            || '|https?://|www\.|\.com\b|@'
        ) then 'bot'
        else 'human'
    end
);

create macro agent_device(agent) as (
    case
        when regexp_matches(agent, 'iPad|Tablet|Kindle|Silk/|PlayBook') then 'tablet'
        when contains(agent, 'Android') and not contains(agent, 'Mobile') then 'tablet'
        when regexp_matches(agent, 'Mobi|iPhone|iPod|Android|Opera Mini|BlackBerry|Windows Phone') then 'mobile'
        when regexp_matches(agent, 'Windows|Macintosh|X11|CrOS|Linux') then 'desktop'
        else 'other'
    end
);

-- Sum of a list; NULL if one of its values is missing, so that a broken value is never a smaller sum.
create macro whole_sum(amounts) as (
    case when len(list_filter(amounts, lambda amount: amount is null)) = 0 then coalesce(list_sum(amounts), 0) end
);

-- What of an amount falls to the element at `place` of a list of weights; the parts of all elements add up to it.
create macro shared_out(amount, weights, place) as (
    case
        when list_sum(weights) <> 0 then
            round(amount * list_sum(weights[:place]) / list_sum(weights), 2)
            - round(amount * coalesce(list_sum(weights[:place - 1]), 0) / list_sum(weights), 2)
        when list_sum(weights) = 0 then 0
    end
);

-- 123 of gid://shopify/Order/123.
create macro shopify_id(gid) as (regexp_extract(gid, '([^/?]+)(?:\?.*)?$', 1));

-- Shopware 6: prices hold their taxes in shops for consumers (tax status gross), not in those for companies.
create macro shopware_net(price, tax_status) as (
    price.totalPrice - case
        when tax_status = 'gross' then whole_sum(list_transform(price.calculatedTaxes, lambda part: part.tax))
        when tax_status in ('net', 'tax-free') then 0
    end
);

create macro shopware_total(lines, tax_status) as (
    whole_sum(list_transform(lines, lambda line: shopware_net(line.price, tax_status)))
);

-- Lines that are merchandise. Of a container its content counts, of a product with options the product.
create macro shopware_goods(lines) as (
    list_sort(list_filter(lines, lambda line:
        line.type not in ('promotion', 'credit', 'discount', 'container')
        and (
            line.parentId is null
            or len(list_filter(lines, lambda other: other.id = line.parentId and other.type = 'container')) > 0
        )
    ))
);

create macro shopware_discounts(lines) as (
    list_filter(lines, lambda line: line.type in ('promotion', 'credit', 'discount') and line.parentId is null)
);

-- Weights by which discounts fall to lines: what the promotions say themselves, or the price of the lines.
create macro shopware_weights(goods, discounts, tax_status) as (
    case
        when len(list_filter(discounts, lambda line: len(coalesce(line.payload.composition, [])) = 0)) = 0
            then list_transform(goods, lambda line: coalesce(list_sum(list_transform(
                list_filter(
                    flatten(list_transform(discounts, lambda discount: discount.payload.composition)),
                    lambda part: part.id = line.identifier
                ),
                lambda part: abs(part.discount)
            )), 0))
        else list_transform(goods, lambda line: shopware_net(line.price, tax_status))
    end
);

-- Google Ads' types of campaigns, as reports and the API write them. Performance Max and shopping are bought like search.
create macro google_ads_channel(campaign_type) as (
    case
        when upper(replace(campaign_type, ' ', '_')) in ('SEARCH', 'SHOPPING', 'PERFORMANCE_MAX', 'SMART', 'LOCAL', 'HOTEL', 'TRAVEL')
            then 'paid_search'
        when upper(replace(campaign_type, ' ', '_')) in ('DISPLAY', 'VIDEO', 'DEMAND_GEN', 'DISCOVERY', 'APP', 'MULTI_CHANNEL')
            then 'display'
        when campaign_type is not null then 'other'
    end
);

-- One spelling of a telephone number: +49 (0)30 123-45, 0049 30 12345 and 030 12345 are the same, Germany being home.
create macro phone_digits(number) as (
    regexp_replace(
        regexp_replace(regexp_replace(replace(number, '(0)', ''), '[^0-9+]', '', 'g'), '^(?:\+|00)', '+'), '^0', '+49'
    )
);

-- Snowplow: the data of the first entity of a schema ("vendor/name") in a list of self-describing JSON, as JSON.
create macro iglu_entities(contexts) as (
    case
        when starts_with(contexts, '{')
            then from_json(json_extract(contexts, '$.data'), '[{"schema":"VARCHAR","data":"JSON"}]')
    end
);

create macro iglu_entity(entities, name) as (
    list_filter(entities, lambda e: starts_with(e.schema, 'iglu:' || name || '/'))[1].data
);

-- Bluesky: when a post says it was written, but not later than the network saw it.
create macro bluesky_time(written, seen) as (
    case when try_cast(written as timestamptz) > try_cast(seen as timestamptz) then seen else written end
);

-- A value that a station measured: none that was filled up from one of the forecasts.
create macro measured(value, filled_from, forecasts) as (
    case when list_contains(forecasts, filled_from) then null else value end
);

-- A number whose unit the answer names; another unit than the expected one makes the row fail, not the figure.
create macro in_unit(value, given, expected) as (
    case
        when value is null or given = expected then try_cast(value as double)
        else cast(concat('unit ', given, ' instead of ', expected) as double)
    end
);
